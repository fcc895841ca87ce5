-- How far the profile's clock was moved ahead of the wall clock, in milliseconds: it never goes back.
CREATE TABLE clock (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    ahead INTEGER NOT NULL CHECK (ahead >= 0)
) STRICT;
INSERT INTO clock (id, ahead) VALUES (1, 0);
