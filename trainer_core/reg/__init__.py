"""Regularization sets: pictures of the base itself that match the training set, or show its class."""
