"""Recording drills unattended: what is recorded (`recipe`), and under which load (`conditions`)."""
