"""The app: command line, screens, widgets. Analysis and I/O live in the rooms below."""
