"""Reddit dumps into an archive.

files (paths, decompression, lines) ─► lines (one line, its things) ─► importer (batches, report) ─► writer
"""

from reddit_mcp.archive.dump.dump_importer import BadLine, DumpError, Progress, Report, Skipped, import_paths

__all__ = ["BadLine", "DumpError", "Progress", "Report", "Skipped", "import_paths"]
