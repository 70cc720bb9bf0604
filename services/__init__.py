"""What people do in Moletrail, as verbs. Each function opens its own transaction, asks the policy and leaves an audit event."""
