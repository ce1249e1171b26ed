"""The page at `/`: files are dropped and asked, and their quotes are marked on the pages. No build step."""
