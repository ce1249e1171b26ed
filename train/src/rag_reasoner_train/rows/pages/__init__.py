"""Rows whose candidates are pages of PDFs, as pictures, with questions from their tables and captions or a teacher."""
