"""The network: patches of sensor triads in, one embedding per window out."""
