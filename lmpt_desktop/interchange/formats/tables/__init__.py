"""Tables of annotations: CSV and TSV of any layout, and the CSV that ExifTool takes."""
