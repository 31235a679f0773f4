"""Days before and after the deletion of sealed evidence."""

OLD, NEW = "20260801-" + "0" * 20, "20261101-" + "1" * 20
