//go:build goexperiment.jsonv2

package main

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
)

// amount is a number, as the bytes that the OMS sent; nil if there is none.
type amount []byte

var errAmount = errors.New("must be a number")

// UnmarshalJSONFrom takes numbers only.
func (a *amount) UnmarshalJSONFrom(from *jsontext.Decoder) error {
	value, err := from.ReadValue()
	if err != nil {
		return err
	}
	switch value.Kind() {
	case 'n':
		*a = nil
	case '0':
		*a = amount(value.Clone())
	default:
		return errAmount
	}
	return nil
}

// MarshalJSONTo writes the same bytes.
func (a amount) MarshalJSONTo(to *jsontext.Encoder) error { return to.WriteValue(jsontext.Value(a)) }

// Of a name that comes twice the last one counts, as in version 1.
var lenient = jsontext.AllowDuplicateNames(true)

func decode(body []byte, into any) *problem {
	err := json.Unmarshal(body, into, lenient)
	var semantic *json.SemanticError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &semantic):
		return broken(violations{{Pointer: string(semantic.JSONPointer), Detail: "must be of another type"}})
	}
	return unparsable()
}

func encode(document any) ([]byte, *problem) {
	body, err := json.Marshal(document, lenient)
	if err != nil {
		return nil, newProblem("upstream-error", "The answer can't be encoded.").because("contract")
	}
	return body, nil
}

func decodeCriteria(body []byte, into *criteria) *problem {
	err := json.Unmarshal(body, into, lenient, json.RejectUnknownMembers(true))
	var semantic *json.SemanticError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &semantic):
		return newProblem("malformed-json", "The body can't be parsed as JSON.")
	case errors.Is(err, json.ErrUnknownName):
		return invalidCriteria("", "is not a criterion of this search; there are customerId")
	case semantic.JSONPointer == "":
		return invalidCriteria("", "must be an object")
	}
	return invalidCriteria(string(semantic.JSONPointer), "must be a string")
}
