package main

import (
	"net/url"
	"strconv"
)

// The documented shape. What is required is checked, what is null or absent is left out, what is not named is dropped.

type order struct {
	CustomerOrderID    *string  `json:"customerOrderId"`
	CustomerID         *string  `json:"customerId"`
	Status             *string  `json:"status"`
	MinimumDownPayment amount   `json:"minimumDownPaymentAmount,omitzero"`
	IsLocked           *bool    `json:"isLocked,omitzero"`
	Invoice            *invoice `json:"invoicePaymentInstructions,omitzero"`
	Items              []item   `json:"items"`
}

type invoice struct {
	CustomerAccountID *string     `json:"customerAccountId"`
	InvoicingAmount   amount      `json:"invoicingAmount"`
	References        []reference `json:"additionalInformation,omitzero"`
}

type reference struct {
	ID           *string `json:"id"`
	Value        *string `json:"value"`
	DisplayText  *string `json:"displayText"`
	ReceiptLabel *string `json:"receiptLabel"`
}

type item struct {
	ItemID            *string    `json:"itemId"`
	QuantityOrdered   amount     `json:"quantityOrdered"`
	UnitPrice         amount     `json:"unitPrice"`
	ContributedAmount amount     `json:"contributedAmount,omitzero"`
	Discounts         []discount `json:"discounts,omitzero"`
}

type discount struct {
	DiscountAmount amount  `json:"discountAmount,omitzero"`
	DiscountID     *string `json:"discountId,omitzero"`
	DiscountText   *string `json:"discountText,omitzero"`
	RewardType     *string `json:"rewardType,omitzero"`
}

type summary struct {
	CustomerOrderID *string `json:"customerOrderId"`
	CustomerID      *string `json:"customerId"`
	Status          *string `json:"status"`
}

type orderDocument struct {
	Order *order `json:"customerOrder"`
}

type searchDocument struct {
	Orders []summary `json:"customerOrders"`
}

var documented = conversion{
	getOrder: func(body []byte, orderID string) ([]byte, *problem) {
		var read orderDocument
		if failed := decode(body, &read); failed != nil {
			return nil, failed
		}
		return read.encode(orderID)
	},
	searchOrders: func(body []byte) ([]byte, *problem) {
		var read searchDocument
		if failed := decode(body, &read); failed != nil {
			return nil, failed
		}
		return read.encode()
	},
	orderPath: func(unit, order string) string {
		return "/business-units/" + url.PathEscape(unit) + "/customer-orders/" + url.PathEscape(order)
	},
	searchPath: func(unit string) string {
		return "/business-units/" + url.PathEscape(unit) + "/customer-orders:search"
	},
}

// encode checks an order against the contract, and that it is the one that was asked for.
func (d *orderDocument) encode(orderID string) ([]byte, *problem) {
	var found violations
	if d.Order == nil {
		found.missing("/customerOrder", true)
	} else {
		d.Order.check(&found)
	}
	if found != nil {
		return nil, broken(found)
	}
	if *d.Order.CustomerOrderID != orderID {
		failed := newProblem("upstream-contract", "The OMS's answer is another order than the requested one.")
		failed.errors = []violation{{Pointer: "/customerOrder/customerOrderId", Detail: "is not the requested id; " +
			"if the OMS uses another form of it, set `idMatch: ignoreCase` or `off`"}}
		return nil, failed.because("wrong-order")
	}
	return encode(d)
}

func (d *searchDocument) encode() ([]byte, *problem) {
	var found violations
	found.missing("/customerOrders", d.Orders == nil)
	for index := range d.Orders {
		each := &d.Orders[index]
		if each.CustomerOrderID == nil || each.CustomerID == nil || each.Status == nil {
			at := "/customerOrders/" + strconv.Itoa(index)
			found.missing(at+"/customerOrderId", each.CustomerOrderID == nil)
			found.missing(at+"/customerId", each.CustomerID == nil)
			found.missing(at+"/status", each.Status == nil)
		}
	}
	if found != nil {
		return nil, broken(found)
	}
	return encode(d)
}

func (o *order) check(found *violations) {
	const at = "/customerOrder"
	found.missing(at+"/customerOrderId", o.CustomerOrderID == nil)
	found.missing(at+"/customerId", o.CustomerID == nil)
	found.missing(at+"/status", o.Status == nil)
	if in := o.Invoice; in != nil {
		const at = at + "/invoicePaymentInstructions"
		found.missing(at+"/customerAccountId", in.CustomerAccountID == nil)
		found.missing(at+"/invoicingAmount", in.InvoicingAmount == nil)
		for index := range in.References {
			if each := &in.References[index]; each.ID == nil || each.Value == nil || each.DisplayText == nil || each.ReceiptLabel == nil {
				at := at + "/additionalInformation/" + strconv.Itoa(index)
				found.missing(at+"/id", each.ID == nil)
				found.missing(at+"/value", each.Value == nil)
				found.missing(at+"/displayText", each.DisplayText == nil)
				found.missing(at+"/receiptLabel", each.ReceiptLabel == nil)
			}
		}
	}
	found.missing(at+"/items", o.Items == nil)
	for index := range o.Items {
		if each := &o.Items[index]; each.ItemID == nil || each.QuantityOrdered == nil || each.UnitPrice == nil {
			at := at + "/items/" + strconv.Itoa(index)
			found.missing(at+"/itemId", each.ItemID == nil)
			found.missing(at+"/quantityOrdered", each.QuantityOrdered == nil)
			found.missing(at+"/unitPrice", each.UnitPrice == nil)
		}
	}
}

type violations []violation

func (v *violations) missing(pointer string, is bool) {
	if is {
		*v = append(*v, violation{Pointer: pointer, Detail: "is missing"})
	}
}

func broken(found violations) *problem {
	failed := newProblem("upstream-contract", "Fields of the OMS's answer are missing or have the wrong type.")
	failed.errors = found
	return failed.because("contract")
}

func unparsable() *problem {
	return newProblem("upstream-error", "The OMS's answer is not valid JSON.").because("malformed-json")
}

// criteria is the body of a search.
type criteria struct {
	CustomerID *string `json:"customerId"`
}

func checkedCriteria(body []byte) ([]byte, *problem) {
	var read criteria
	if failed := decodeCriteria(body, &read); failed != nil {
		return nil, failed
	}
	if read.CustomerID == nil {
		return nil, invalidCriteria("", "has no criterion; there are customerId")
	}
	length := 0
	for _, letter := range *read.CustomerID {
		if length++; letter < 0x20 || 0x7f <= letter && letter <= 0x9f {
			length = 0
			break
		}
	}
	if length == 0 || length > 256 {
		return nil, invalidCriteria("/customerId", "must have 1 to 256 characters, and no control characters")
	}
	return encode(&read)
}

func invalidCriteria(pointer, detail string) *problem {
	failed := newProblem("invalid-request", "The search criteria have invalid fields.")
	failed.errors = []violation{{Pointer: pointer, Detail: detail}}
	return failed
}
