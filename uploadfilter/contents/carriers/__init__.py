"""Files of other programs that carry pictures: covers, fonts, databases, drawings."""
