"""What can go wrong: a catalogue of faults that are really injected, journalled first and undone whatever dies."""
