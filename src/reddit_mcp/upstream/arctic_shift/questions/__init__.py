"""Each question in Reddit's terms, as requests to Arctic Shift and an answer in Reddit's shape."""
