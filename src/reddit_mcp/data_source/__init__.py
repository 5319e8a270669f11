"""Where answers come from: Reddit, an imported archive, Arctic Shift or the bundled sample."""
