"""How many everyday files are rejected although they match nothing?"""
