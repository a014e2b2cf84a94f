package main

import (
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	maxCachedTokens = 4096
	clockSkew       = 30 * time.Second
)

// verifier verifies access tokens of one issuer, whose clients have their tenant inside `client_id`.
type verifier struct {
	keys   map[string]*rsa.PublicKey
	parser *jwt.Parser
	mutex  sync.RWMutex
	cached map[string]verified // by the header
}

type verified struct {
	tenant  string
	expires time.Time
}

type claims struct {
	jwt.RegisteredClaims
	ClientID string `json:"client_id"`
}

func newVerifier(given *config) (*verifier, error) {
	content, err := os.ReadFile(given.JWKS)
	if err != nil {
		return nil, err
	}
	var set struct {
		Keys []struct{ Kid, N, E string }
	}
	if err := json.Unmarshal(content, &set); err != nil {
		return nil, err
	}
	made := &verifier{keys: map[string]*rsa.PublicKey{}, cached: map[string]verified{}}
	for _, key := range set.Keys {
		n, err := base64.RawURLEncoding.DecodeString(key.N)
		if err != nil {
			return nil, err
		}
		e, err := base64.RawURLEncoding.DecodeString(key.E)
		if err != nil {
			return nil, err
		}
		made.keys[key.Kid] = &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
	}
	made.parser = jwt.NewParser(
		jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer(given.Issuer), jwt.WithAudience(given.Audience),
		jwt.WithLeeway(clockSkew), jwt.WithExpirationRequired(), jwt.WithIssuedAt(),
	)
	return made, nil
}

// tenant returns whose the token in a header `Authorization` is.
func (v *verifier) tenant(authorization string) (string, *problem) {
	v.mutex.RLock()
	known, found := v.cached[authorization]
	v.mutex.RUnlock()
	if found && time.Now().Before(known.expires) {
		return known.tenant, nil
	}
	scheme, token, _ := strings.Cut(authorization, " ")
	if token = strings.TrimSpace(token); !strings.EqualFold(scheme, "Bearer") || token == "" {
		failed := newProblem("unauthenticated", "Send an access token as `Authorization: Bearer`.").because("no-token")
		failed.headers = map[string][]string{"Www-Authenticate": {`Bearer realm="customer-orders"`}}
		return "", failed
	}
	var read claims
	if _, err := v.parser.ParseWithClaims(token, &read, v.key); err != nil {
		return "", invalidToken(err)
	}
	tenant := tenantOf(read.ClientID)
	if tenant == "" {
		return "", invalidToken(errors.New("names no tenant"))
	}
	v.mutex.Lock()
	if len(v.cached) >= maxCachedTokens {
		for any := range v.cached {
			delete(v.cached, any)
			break
		}
	}
	v.cached[authorization] = verified{tenant, read.ExpiresAt.Add(clockSkew)}
	v.mutex.Unlock()
	return tenant, nil
}

func (v *verifier) key(token *jwt.Token) (any, error) {
	id, _ := token.Header["kid"].(string)
	if key, found := v.keys[id]; found {
		return key, nil
	}
	return nil, jwt.ErrTokenUnverifiable
}

// tenantOf reads a client id: base64url of lines `key: value`, of which `tid` names the tenant.
func tenantOf(clientID string) string {
	lines, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(clientID, "="))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(lines)) {
		if name, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == "tid" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func invalidToken(err error) *problem {
	why := "is not signed by a key of its issuer"
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		why = "has expired"
	case errors.Is(err, jwt.ErrTokenMalformed):
		why = "is not a JWT"
	}
	failed := newProblem("unauthenticated", "The access token "+why+".").because("invalid-token")
	challenge := `Bearer realm="customer-orders", error="invalid_token", error_description="` + why + `"`
	failed.headers = map[string][]string{"Www-Authenticate": {challenge}}
	return failed
}
