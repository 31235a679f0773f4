"""Archives, and files that are archives: office documents, books, programs."""
