"""What a method answers: rankings with ties, explanations, the consensus of several."""
