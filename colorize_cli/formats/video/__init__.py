"""Films: what a container holds, frames as planes, encoders, segments and the joined file."""
