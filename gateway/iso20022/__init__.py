"""ISO 20022 at the edge: reads pacs.008, prepares signed calls' contents, writes pacs.002."""
