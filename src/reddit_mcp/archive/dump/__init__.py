"""Reddit dumps into an archive.

files (paths, decompression, lines) ─► lines (one line, its things) ─► importer (batches, report) ─► writer
parquet (a process that writes its rows as lines) ─┘
"""

from reddit_mcp.archive.dump.dump_importer import BadLine, DumpError, Progress, Report, Skipped, import_paths

__all__ = ["BadLine", "DumpError", "Progress", "Report", "Skipped", "import_paths"]
