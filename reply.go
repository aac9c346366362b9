package redstart

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/redstart-db/redstart/internal/node"
	"github.com/redstart-db/redstart/internal/resp"
)

// Reply is what a command replied:
//
//	nil             a missing value
//	string          a string, of any bytes
//	int64           an integer
//	float64         a score, a distance
//	bool            a truth value
//	*big.Int        an integer beyond 64 bits
//	[]any           a list, a set
//	map[string]any  a map; keys that are no strings in their decimal form
//	Error           an error within one of the above, as in the reply to EXEC
//
// Elements have these types as well. Commands reply as they do to RESP3 clients:
// HGETALL with a map, ZSCORE with a float64.
type Reply = any

// Error is an error that a command replied with, such as "WRONGTYPE Operation
// against a key holding the wrong kind of value".
type Error string

func (e Error) Error() string { return string(e) }

// Code returns the first word, which names the kind of the error: "ERR",
// "WRONGTYPE", "OOM".
func (e Error) Code() string {
	code, _, _ := strings.Cut(string(e), " ")
	return code
}

// ErrNil is returned by the functions that convert a reply when there is no value.
var ErrNil = errors.New("redstart: no value")

// do runs a command in a session.
func do(ctx context.Context, l *node.Local, args []any) (Reply, error) {
	if len(args) == 0 {
		return nil, errors.New("redstart: no command")
	}
	var few [8][]byte
	list := few[:0]
	for _, a := range args {
		b, err := argument(a)
		if err != nil {
			return nil, err
		}
		list = append(list, b)
	}
	v, err := l.Do(ctx, list...)
	if err != nil {
		return nil, closed(err)
	}
	if v.IsError() {
		return nil, Error(v.Str)
	}
	return reply(v), nil
}

func argument(a any) ([]byte, error) {
	switch t := a.(type) {
	case string:
		return []byte(t), nil
	case []byte:
		return t, nil
	case int:
		return strconv.AppendInt(nil, int64(t), 10), nil
	case int8:
		return strconv.AppendInt(nil, int64(t), 10), nil
	case int16:
		return strconv.AppendInt(nil, int64(t), 10), nil
	case int32:
		return strconv.AppendInt(nil, int64(t), 10), nil
	case int64:
		return strconv.AppendInt(nil, t, 10), nil
	case uint:
		return strconv.AppendUint(nil, uint64(t), 10), nil
	case uint8:
		return strconv.AppendUint(nil, uint64(t), 10), nil
	case uint16:
		return strconv.AppendUint(nil, uint64(t), 10), nil
	case uint32:
		return strconv.AppendUint(nil, uint64(t), 10), nil
	case uint64:
		return strconv.AppendUint(nil, t, 10), nil
	case float32:
		return strconv.AppendFloat(nil, float64(t), 'f', -1, 32), nil
	case float64:
		return strconv.AppendFloat(nil, t, 'f', -1, 64), nil
	case bool:
		if t {
			return []byte("1"), nil
		}
		return []byte("0"), nil
	}
	return nil, fmt.Errorf("redstart: a %T cannot be an argument", a)
}

// reply gives a value of the protocol as a Go value.
func reply(v resp.Value) Reply {
	if v.Null {
		return nil
	}
	switch v.Kind {
	case resp.KindInt:
		return v.Int
	case resp.KindDouble:
		return v.Float
	case resp.KindBool:
		return v.Int != 0
	case resp.KindError, resp.KindBulkError:
		return Error(v.Str)
	case resp.KindVerbatim:
		return string(v.Str[4:]) // behind its format, as "txt:"
	case resp.KindBigNumber:
		n, _ := new(big.Int).SetString(string(v.Str), 10)
		return n
	case resp.KindArray, resp.KindSet, resp.KindPush:
		list := make([]any, len(v.Elems))
		for i, e := range v.Elems {
			list[i] = reply(e)
		}
		return list
	case resp.KindMap:
		m := make(map[string]any, len(v.Elems)/2)
		for i := 0; i+1 < len(v.Elems); i += 2 {
			m[text(reply(v.Elems[i]))] = reply(v.Elems[i+1])
		}
		return m
	}
	return string(v.Str)
}

// text gives a value that is no collection as text.
func text(r Reply) string {
	switch t := r.(type) {
	case string:
		return t
	case int64:
		return strconv.FormatInt(t, 10)
	case float64:
		return strconv.FormatFloat(t, 'f', -1, 64)
	}
	return fmt.Sprint(r)
}

func unexpected(r Reply, want string) error {
	if r == nil {
		return ErrNil
	}
	return fmt.Errorf("redstart: a reply of type %T is not %s", r, want)
}

// String turns the results of Do into a string. Numbers are given in decimal. A
// missing value is ErrNil.
func String(r Reply, err error) (string, error) {
	if err != nil {
		return "", err
	}
	switch r.(type) {
	case string, int64, float64, *big.Int:
		return text(r), nil
	}
	return "", unexpected(r, "a string")
}

// Int64 turns the results of Do into an integer, also from a string that holds
// one. A missing value is ErrNil.
func Int64(r Reply, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	switch t := r.(type) {
	case int64:
		return t, nil
	case string:
		return strconv.ParseInt(t, 10, 64)
	}
	return 0, unexpected(r, "an integer")
}

// Float64 turns the results of Do into a float, also from a string or an integer.
// A missing value is ErrNil.
func Float64(r Reply, err error) (float64, error) {
	if err != nil {
		return math.NaN(), err
	}
	switch t := r.(type) {
	case float64:
		return t, nil
	case int64:
		return float64(t), nil
	case string:
		return strconv.ParseFloat(t, 64)
	}
	return math.NaN(), unexpected(r, "a number")
}

// Bool turns the results of Do into a truth value: true is "OK", any integer but 0,
// and true itself. No value is false, as in the reply to SET with NX.
func Bool(r Reply, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	switch t := r.(type) {
	case nil:
		return false, nil
	case bool:
		return t, nil
	case int64:
		return t != 0, nil
	case string:
		if t == "OK" {
			return true, nil
		}
	}
	return false, unexpected(r, "a truth value")
}

// Strings turns the results of Do into a list of strings; missing elements are
// empty. A missing list is ErrNil.
func Strings(r Reply, err error) ([]string, error) {
	if err != nil {
		return nil, err
	}
	list, ok := r.([]any)
	if !ok {
		return nil, unexpected(r, "a list")
	}
	out := make([]string, len(list))
	for i, e := range list {
		if e == nil {
			continue
		}
		if out[i], err = String(e, nil); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// StringMap turns the results of Do into a map of strings, as for HGETALL. A missing
// map is ErrNil.
func StringMap(r Reply, err error) (map[string]string, error) {
	if err != nil {
		return nil, err
	}
	m, ok := r.(map[string]any)
	if !ok {
		return nil, unexpected(r, "a map")
	}
	out := make(map[string]string, len(m))
	for k, v := range m {
		if v == nil {
			continue
		}
		if out[k], err = String(v, nil); err != nil {
			return nil, err
		}
	}
	return out, nil
}
