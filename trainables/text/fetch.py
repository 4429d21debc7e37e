def hint(name, directory):
    return f"{name} absent in {directory}"
