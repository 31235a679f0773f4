"""The public forms: objections of uploaders, and notices of pictures of abuse.

One small web application with one queue on disk. Uploaders object and look the outcome
up; reviewers decide; a notice waits for the hotline, an outcome for the provider's own
system. It has no accounts: the operator's login names the reviewer.
"""
