"""Knowledge bases, as the doors use them: what is live, outcomes, training, roll-out."""
