"""What the base draws for the activation tag before anything is trained."""
