"""The PosLog relay: takes store events from ExternalEvents, and gives the OMS those that concern its orders."""
