"""The command line, one file a group of commands. Thin: arguments in, one call, a table or JSON out."""
