"""What is sent to the OMS: templates of the platform team, filled with checked values of the caller."""
