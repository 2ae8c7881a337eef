"""The long tail: charts, tables and gaps of every class."""
