"""What must be observable before a fault can be diagnosed."""
