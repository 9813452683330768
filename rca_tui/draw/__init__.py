"""From values to text, rows and charts. No widgets."""
