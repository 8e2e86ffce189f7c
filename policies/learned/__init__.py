"""Models of how a contact would go with an agent: trained on the decision log, served live."""
