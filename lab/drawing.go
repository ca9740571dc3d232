package lab

// Drawing is what people draw around the network. It changes nothing that runs. Nodes say themselves where they are (X, Y) and how they
// are drawn, by the labels below.
type Drawing struct {
	Notes  []Note       `json:"notes,omitempty"`
	Groups []DrawnGroup `json:"groups,omitempty"`
}

// Note is a text in the drawing.
type Note struct {
	ID     string  `json:"id"`
	Text   string  `json:"text"`
	X      float64 `json:"x"`
	Y      float64 `json:"y"`
	Width  float64 `json:"width,omitempty"` // 0: as wide as the text
	Height float64 `json:"height,omitempty"`
	Color  string  `json:"color,omitempty"` // a name of the palette, or #rrggbb
}

// DrawnGroup is a frame around nodes. Without a size it is as large as its nodes need.
type DrawnGroup struct {
	ID     string  `json:"id"`
	Label  string  `json:"label,omitempty"`
	Color  string  `json:"color,omitempty"`
	X      float64 `json:"x,omitempty"`
	Y      float64 `json:"y,omitempty"`
	Width  float64 `json:"width,omitempty"`
	Height float64 `json:"height,omitempty"`
}

// DrawingPrefix begins the labels of a node that are about the drawing alone. containerlab's viewers use it too. A node's container does
// not get them, so changing them changes nothing that runs.
const DrawingPrefix = "graph-"

// Labels of the drawing beside graph-posX and graph-posY, which are Node.X and Node.Y.
const (
	GroupLabel = "graph-group" // id of a DrawnGroup
	ColorLabel = "graph-color" // a name of the palette, or #rrggbb
	IconLabel  = "graph-icon"
	LevelLabel = "graph-level" // row in a tiered layout, counted from 1
)
