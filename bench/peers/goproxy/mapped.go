package main

import (
	"net/url"
	"strconv"
)

// The other shape of the same orders (bench/payloads.py), as one maps it by hand: structs of what the OMS sends, and
// the outward ones made of them.

type omsOrderDocument struct {
	Data struct {
		Order *omsOrder `json:"order"`
	} `json:"data"`
}

type omsOrder struct {
	ID       *string `json:"id"`
	Customer struct {
		Number *string `json:"number"`
	} `json:"customer"`
	State   string  `json:"state"`
	Locked  *string `json:"locked"`
	Payment struct {
		State   string `json:"state"`
		Deposit amount `json:"deposit"`
		Invoice *struct {
			Account    *string     `json:"account"`
			Amount     amount      `json:"amount"`
			References []reference `json:"references"`
		} `json:"invoice"`
	} `json:"payment"`
	Lines []struct {
		SKU   *string `json:"sku"`
		Qty   amount  `json:"qty"`
		Price struct {
			Cents amount `json:"cents"`
		} `json:"price"`
		Part    amount `json:"part"`
		Rebates []struct {
			Off  amount  `json:"off"`
			Code *string `json:"code"`
			Name *string `json:"name"`
			Kind *string `json:"kind"`
		} `json:"rebates"`
	} `json:"lines"`
}

type omsSearchDocument struct {
	Hits []struct {
		Number  amount  `json:"number"`
		Account *string `json:"account"`
		State   string  `json:"state"`
		Payment struct {
			State string `json:"state"`
		} `json:"payment"`
	} `json:"hits"`
}

var (
	created, inProgress, fulfilled, unknown = "CREATED", "IN_PROGRESS", "FULFILLED", "UNKNOWN"
	yes, no                                 = true, false
	customers                               = map[string]*string{"north": text("C-100200"), "south": text("C-100201")}
)

func text(value string) *string { return &value }

// statusOf is a table of two members.
func statusOf(state, payment string) *string {
	switch {
	case state == "open" && payment == "due":
		return &created
	case state == "picking" && payment == "paid":
		return &inProgress
	case state == "done" && payment == "paid":
		return &fulfilled
	}
	return &unknown
}

var mapped = conversion{
	getOrder: func(body []byte, orderID string) ([]byte, *problem) {
		var read omsOrderDocument
		if failed := decode(body, &read); failed != nil {
			return nil, failed
		}
		made, failed := read.Data.Order.outward()
		if failed != nil {
			return nil, failed
		}
		return made.encode(orderID)
	},
	searchOrders: func(body []byte) ([]byte, *problem) {
		var read omsSearchDocument
		if failed := decode(body, &read); failed != nil {
			return nil, failed
		}
		made, failed := read.outward()
		if failed != nil {
			return nil, failed
		}
		return made.encode()
	},
	orderPath: func(unit, order string) string {
		return "/rest/stores/" + url.PathEscape(unit) + "/orders/" + url.PathEscape(order)
	},
	searchPath: func(unit string) string { return "/rest/stores/" + url.PathEscape(unit) + "/orders/query" },
}

func (o *omsOrder) outward() (*orderDocument, *problem) {
	if o == nil {
		return &orderDocument{}, nil
	}
	made := &order{
		CustomerOrderID: o.ID, CustomerID: o.Customer.Number, Status: statusOf(o.State, o.Payment.State),
		MinimumDownPayment: shifted(o.Payment.Deposit),
	}
	if o.Locked != nil {
		switch *o.Locked {
		case "yes":
			made.IsLocked = &yes
		case "no":
			made.IsLocked = &no
		default:
			return nil, broken(violations{{Pointer: "/customerOrder/isLocked", Detail: "has a word that is not in `values`"}})
		}
	}
	if in := o.Payment.Invoice; in != nil {
		made.Invoice = &invoice{CustomerAccountID: in.Account, InvoicingAmount: shifted(in.Amount), References: in.References}
	}
	if o.Lines != nil {
		made.Items = make([]item, len(o.Lines))
	}
	for index := range o.Lines {
		line, into := &o.Lines[index], &made.Items[index]
		into.ItemID, into.QuantityOrdered = line.SKU, line.Qty
		into.UnitPrice, into.ContributedAmount = shifted(line.Price.Cents), shifted(line.Part)
		if line.Rebates != nil {
			into.Discounts = make([]discount, len(line.Rebates))
		}
		for place := range line.Rebates {
			rebate := &line.Rebates[place]
			into.Discounts[place] = discount{shifted(rebate.Off), rebate.Code, rebate.Name, rebate.Kind}
		}
	}
	return &orderDocument{Order: made}, nil
}

func (d *omsSearchDocument) outward() (*searchDocument, *problem) {
	made := &searchDocument{}
	if d.Hits != nil {
		made.Orders = make([]summary, len(d.Hits))
	}
	for index := range d.Hits {
		hit, into := &d.Hits[index], &made.Orders[index]
		into.Status = statusOf(hit.State, hit.Payment.State)
		if hit.Number != nil {
			into.CustomerOrderID = text(string(hit.Number))
		}
		if hit.Account != nil {
			customer, known := customers[*hit.Account]
			if !known {
				return nil, broken(violations{{
					Pointer: "/customerOrders/" + strconv.Itoa(index) + "/customerId", Detail: "has a word that is not in `values`",
				}})
			}
			into.CustomerID = customer
		}
	}
	return made, nil
}

// shifted returns an amount in units for one in hundredths, by its digits.
func shifted(of amount) amount {
	if of == nil {
		return nil
	}
	sign, digits := "", string(of)
	if digits[0] == '-' {
		sign, digits = "-", digits[1:]
	}
	whole, rest := digits, ""
	for index := range len(digits) {
		switch digits[index] {
		case '.':
			whole, rest = digits[:index], digits[index+1:]
		case 'e', 'E':
			return exponent(sign, digits[:index], digits[index+1:])
		}
	}
	for len(whole) < 3 {
		whole = "0" + whole
	}
	cut := len(whole) - 2
	return amount(sign + whole[:cut] + "." + whole[cut:] + rest)
}

func exponent(sign, digits, written string) amount {
	value, err := strconv.Atoi(written)
	if err != nil {
		return nil
	}
	return amount(sign + digits + "e" + strconv.Itoa(value-2))
}
