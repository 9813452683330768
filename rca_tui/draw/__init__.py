"""Values to text, rows and charts, without widgets."""
