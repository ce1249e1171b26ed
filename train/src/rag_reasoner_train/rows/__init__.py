"""Questions with their candidates and labels: read and checked, mined, made, balanced and written."""
