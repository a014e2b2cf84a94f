//go:build !goexperiment.jsonv2

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
)

// amount is a number, as the bytes that the OMS sent; nil if there is none. json.Number would take text, too.
type amount []byte

var errAmount = errors.New("must be a number")

// UnmarshalJSON takes numbers only.
func (a *amount) UnmarshalJSON(value []byte) error {
	switch first := value[0]; {
	case first == 'n':
		*a = nil
	case first == '-' || '0' <= first && first <= '9':
		*a = bytes.Clone(value)
	default:
		return errAmount
	}
	return nil
}

// MarshalJSON writes the same bytes.
func (a amount) MarshalJSON() ([]byte, error) { return a, nil }

func decode(body []byte, into any) *problem {
	err := json.Unmarshal(body, into)
	var other *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &other):
		return broken(violations{{Pointer: "/" + strings.ReplaceAll(other.Field, ".", "/"), Detail: "must be of another type"}})
	case errors.Is(err, errAmount):
		return broken(violations{{Detail: errAmount.Error()}})
	}
	return unparsable()
}

func encode(document any) ([]byte, *problem) {
	var into bytes.Buffer
	encoder := json.NewEncoder(&into)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(document); err != nil {
		return nil, newProblem("upstream-error", "The answer can't be encoded.").because("contract")
	}
	return bytes.TrimSuffix(into.Bytes(), []byte("\n")), nil
}

func decodeCriteria(body []byte, into *criteria) *problem {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	var syntax *json.SyntaxError
	var other *json.UnmarshalTypeError
	switch {
	case err == nil && !decoder.More():
		return nil
	case errors.As(err, &other) && other.Field != "":
		return invalidCriteria("/"+other.Field, "must be a string")
	case errors.As(err, &other):
		return invalidCriteria("", "must be an object")
	case err == nil, errors.As(err, &syntax), !strings.Contains(err.Error(), "unknown field"):
		return newProblem("malformed-json", "The body can't be parsed as JSON.")
	}
	return invalidCriteria("", "is not a criterion of this search; there are customerId")
}
