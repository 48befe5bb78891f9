"""Long arrays and matrices in a user's function: what they and fastgd's numbers are combined to."""
