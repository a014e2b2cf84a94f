package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"time"
)

const maxAnswer = 16 << 20

var (
	errLength = errors.New("an answer of another length than expected")
	errHead   = errors.New("not an answer that can be read: it needs a status and a Content-Length")
)

// client is one connection of HTTP/1.1 that is kept, and opened anew where the server has closed it.
type client struct {
	address string
	timeout time.Duration
	conn    net.Conn
	buffer  []byte
	opened  int // connections so far
}

// connect opens the connection, if it is not open.
func (c *client) connect() error {
	if c.conn != nil {
		return nil
	}
	conn, err := net.DialTimeout("tcp", c.address, c.timeout)
	if err != nil {
		return err
	}
	c.conn = conn
	c.opened++
	return nil
}

func (c *client) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// ask sends a request, reads its answer, and returns the status. After an error the connection is closed.
func (c *client) ask(raw []byte, length int, now time.Time) (int, error) {
	if err := c.connect(); err != nil {
		return 0, err
	}
	c.conn.SetDeadline(now.Add(c.timeout))
	if _, err := c.conn.Write(raw); err != nil {
		c.close()
		return 0, err
	}
	status, ends, err := c.read(length)
	if err != nil || ends {
		c.close()
	}
	return status, err
}

// read reads one answer, and returns its status, and whether the server ends the connection after it.
func (c *client) read(length int) (status int, ends bool, err error) {
	have, end := 0, -1
	for end < 0 {
		count, err := c.conn.Read(c.buffer[have:])
		if err != nil {
			return 0, true, err
		}
		have += count
		end = bytes.Index(c.buffer[:have], []byte("\r\n\r\n"))
		if end < 0 && have == len(c.buffer) {
			return 0, true, errHead
		}
	}
	head := c.buffer[:end+2]
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 ")) || len(head) < 14 {
		return 0, true, errHead
	}
	status, err = strconv.Atoi(string(head[9:12]))
	if err != nil {
		return 0, true, errHead
	}
	size, err := strconv.Atoi(string(header(head, "content-length")))
	if err != nil || size < 0 || size > maxAnswer {
		return 0, true, errHead
	}
	missing := end + 4 + size - have
	if missing < 0 {
		return 0, true, errLength
	}
	for missing > 0 {
		count, err := c.conn.Read(c.buffer[:min(missing, len(c.buffer))])
		if err != nil {
			return 0, true, err
		}
		missing -= count
	}
	if status == 200 && length != 0 && size != length {
		return 0, true, errLength
	}
	return status, bytes.EqualFold(header(head, "connection"), []byte("close")), nil
}

// header returns the value of the first header with this name, given in lower case.
func header(head []byte, name string) []byte {
	for {
		_, rest, found := bytes.Cut(head, []byte("\r\n"))
		if !found {
			return nil
		}
		head = rest
		if len(head) > len(name) && head[len(name)] == ':' && bytes.EqualFold(head[:len(name)], []byte(name)) {
			line, _, _ := bytes.Cut(head[len(name)+1:], []byte("\r\n"))
			return bytes.TrimSpace(line)
		}
	}
}

// kind returns a word for an error, of a bounded number.
func kind(err error) string {
	var operation *net.OpError
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "timeout"
	case errors.Is(err, errLength):
		return "length"
	case errors.Is(err, errHead):
		return "head"
	case errors.Is(err, io.EOF):
		return "closed"
	case errors.As(err, &operation):
		if operation.Op == "dial" {
			return "connect"
		}
		return "reset"
	}
	return fmt.Sprintf("%T", err)
}
