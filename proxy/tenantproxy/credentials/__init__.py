"""The tenant's credential for its OMS: its model, its stores, and the one in use."""
