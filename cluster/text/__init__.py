"""Text for people, the same on every face: harmless text (`plain`), numbers with units (`quantities`), `times`."""
