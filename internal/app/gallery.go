package app

import (
	"trunkline/examples"
	"trunkline/web"
)

// gallery shows the embedded examples to the pages.
type gallery struct{}

func (gallery) List() []web.Example {
	var list []web.Example
	for _, e := range examples.List() {
		list = append(list, web.Example(e))
	}
	return list
}

func (gallery) Files(name string) (web.FileSource, error) {
	source, err := examples.Files(name)
	if err != nil {
		return nil, err
	}
	return source, nil
}
