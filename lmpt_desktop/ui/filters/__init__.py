"""The filter bar above the grid."""
