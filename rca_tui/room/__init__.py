"""The app in a browser: who may enter (`access`), a read-only app for each who does (`guest`), and the server."""
