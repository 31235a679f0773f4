"""The proxy's side of scanning: processes, the queue, and the results of scans."""
