"""The records and rules that catalogue, ingest, inference and everything above them share.

Free of Qt and SQL, and below every other package: it imports nothing of the app but texts.
"""
