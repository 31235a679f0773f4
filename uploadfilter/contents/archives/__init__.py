"""Archives, and what is made of them: office documents, books, programs."""
