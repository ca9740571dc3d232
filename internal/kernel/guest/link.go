package main

import (
	"encoding/json"
	"net/http"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"trunkline/internal/kernel/ask"
)

// setLink turns an interface on or off, as ip link does; the time is that before the kernel was told.
func setLink(r *http.Request) (at ask.Moment, err error) {
	var set ask.SetLink
	if err := json.NewDecoder(r.Body).Decode(&set); err != nil {
		return at, err
	}
	return at, within(r.Context(), set.Node, func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		request, err := unix.NewIfreq(set.Interface)
		if err != nil {
			return err
		}
		if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, request); err != nil {
			return err
		}
		flags := request.Uint16() &^ unix.IFF_UP
		if set.Up {
			flags |= unix.IFF_UP
		}
		request.SetUint16(flags)
		at = now()
		return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request)
	})
}

// linkRequest is RTM_GETLINK for one interface (rtnetlink(7)).
type linkRequest struct {
	unix.NlMsghdr
	unix.IfInfomsg
}

// openCarrier listens for changes and then asks how the interface is: nothing is missed in between.
func openCarrier(place ask.Place) (*socket, error) {
	s, err := openSocket(place.Interface, unix.AF_NETLINK, unix.NETLINK_ROUTE, func(fd, _ int) error {
		return unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: 1 << (unix.RTNLGRP_LINK - 1)})
	})
	if err != nil {
		return nil, err
	}
	request := linkRequest{
		unix.NlMsghdr{Len: uint32(unsafe.Sizeof(linkRequest{})), Type: unix.RTM_GETLINK, Flags: unix.NLM_F_REQUEST},
		unix.IfInfomsg{Index: int32(s.index)},
	}
	if _, err := s.Write(unsafe.Slice((*byte)(unsafe.Pointer(&request)), unsafe.Sizeof(request))); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func receiveCarrier(s *socket) (any, error) {
	message, _, _, err := s.receive()
	if err != nil {
		return nil, err
	}
	at := now()
	parsed, err := syscall.ParseNetlinkMessage(message)
	if err != nil {
		return nil, err
	}
	for _, m := range parsed {
		if m.Header.Type != unix.RTM_NEWLINK || len(m.Data) < unix.SizeofIfInfomsg {
			continue
		}
		if info := (*unix.IfInfomsg)(unsafe.Pointer(&m.Data[0])); int(info.Index) == s.index {
			return ask.Carrier{Moment: at, Up: info.Flags&unix.IFF_LOWER_UP != 0 && info.Flags&unix.IFF_UP != 0}, nil
		}
	}
	return nil, nil
}
