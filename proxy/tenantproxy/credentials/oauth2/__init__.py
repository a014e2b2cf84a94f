"""OAuth2 client credentials (RFC 6749 section 4.4): the credential, its token endpoint, and its tokens."""
