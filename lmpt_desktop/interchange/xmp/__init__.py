"""Keywords of photos in XMP and IPTC: read from photos and side files, written to side files."""
